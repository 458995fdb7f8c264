"""Who did what to which object, as the chain has it."""
