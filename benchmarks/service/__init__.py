"""The model service beside what else one would serve the same network with: `make bench-service`."""
