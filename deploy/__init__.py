"""Ways to run Tandem: so far on one machine without accounts. And the repository's checks."""
