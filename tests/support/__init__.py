"""What tests share: private real servers."""
