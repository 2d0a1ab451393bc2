"""The real firmware on a fake board in virtual time. See README.md."""
