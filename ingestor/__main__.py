"""`python -m ingestor` is the console script."""
from shards.cli import main

raise SystemExit(main())
