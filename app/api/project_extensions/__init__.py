"""What a project has beyond the contract, under /v1/engine/extensions: terms of every redeemable."""
