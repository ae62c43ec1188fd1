"""The model service compared with other ways to serve the same network: `make bench-service`."""
