"""What `make bench` measures, a file each; every one gives plain records that bench.py prints."""
