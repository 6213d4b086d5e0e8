"""Edgewise: a perpetual, honest search for trading strategies. Rooms and their ranks stand in `tests/test_layers.py`."""
