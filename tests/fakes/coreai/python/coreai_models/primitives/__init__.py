"""A stand-in for a package of the Core AI tools, made from what is written of it. It is not the package."""
