"""One file for each official package: what it says about the fixtures of its language."""
