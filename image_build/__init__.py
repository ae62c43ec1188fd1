"""Builds the images of the services within the stack, so that a deployment needs no Docker.

`handler` is the Lambda function of the custom resource, `build.sh` is what CodeBuild runs, and `context/` links to the
sources of the images. The Makefile packs all of them into the function's package.
"""
