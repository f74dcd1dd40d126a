"""Ways to run Tandem: on one machine without accounts, with compose, on Kubernetes. And the repository's checks."""
