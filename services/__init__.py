"""The three services and the runtime they share. Services never import each other: they meet in `proto/`."""
