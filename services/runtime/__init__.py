"""What any service process needs, and no service's knowledge.

Owns: the server and its lifecycle (`server`, `readiness`, `probe`), the list of steps around every call
(`pipeline`), credentials (`auth`, `keys`), errors (`errors`), checks of requests (`validation`), settings (`env`),
Postgres (`db`, `sql`, `migrations`, `partitions`), time (`clock`), ids (`ids`), logs and metrics (`telemetry`), work
behind the calls (`repeating`), child processes (`supervisor`, `leash`). Peers are called by `tessera.client`, as others
call them.

Leaves to the services: every rule about tokens, accounts and bindings.
"""
