"""Tandem: the machine. It asks, approves, runs, recovers and tells; it knows no operation by name."""
