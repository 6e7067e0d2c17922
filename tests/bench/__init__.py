"""What a grant costs: `make bench-token`. `client.py` drives, in a process of its own; `signing.py` and `rotating.py`
are what it is compared with.
"""
