"""Benches: one question a file, stated at its top, peers beside us in the same run. `python -m bench.run` runs them."""
