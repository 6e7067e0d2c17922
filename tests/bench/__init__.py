"""What calls cost: `make bench-token`, `bench-account`, `bench-binding`, `bench-edge`.

Each is a module of scenarios: `grants.py`, `accounts.py`, `bindings.py`, `edge.py`.

What they share: `stacks.py` runs a stack for a bench, `driving.py` drives calls on it with `client.py` or `sending.py`,
in a process of its own, `pgbench.py` drives statements alone, `tables.py` shows what came of it. The rest is what calls
are compared with (`signing.py`, `rotating.py`, `constant.py`), what they find (`identities.py`, `bound.py`) and what is
sent (`signed.py`).
"""
