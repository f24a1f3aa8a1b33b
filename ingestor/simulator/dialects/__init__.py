"""How each simulated provider speaks: one small file a dialect, all on dialect.py."""
