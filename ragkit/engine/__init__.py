"""The engine: the store (the truth), the index derived from it, and the models.

`ragkit.engine.engine.Engine` puts them together. Nothing is imported here, so that one part can be
used without loading the others.
"""
