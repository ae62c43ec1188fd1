"""Builds the model service's images within the stack, for whoever deploys without Docker.

`handler` is the custom resource's function, `build.sh` is what CodeBuild runs, `context/` is what the images are made
of, and the Makefile packs all three into the function's package.
"""
