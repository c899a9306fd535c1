"""One machine looked at from the inside (`handover collect`). Standard library only: it also runs where nothing else is installed."""
