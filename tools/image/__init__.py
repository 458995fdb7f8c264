"""The image without a container engine: the Dockerfile read, linted, and its steps run in a clean folder."""
