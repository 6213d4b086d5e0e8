"""The command line, one module a subject; `engine/__main__.py` joins them."""
