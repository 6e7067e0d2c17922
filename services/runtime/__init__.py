"""What any service process needs, and no service's knowledge.

Owns: the server and its lifecycle (`server`, `readiness`), the list of steps around every call (`interceptors`),
credentials (`auth`, `keys`), errors (`errors`), checks of requests (`validation`), settings (`env`), Postgres (`db`,
`sql`, `migrations`, `partitions`), time (`clock`), ids (`ids`), logs and metrics (`telemetry`), peers (`channel`), work
behind the calls (`repeating`), child processes (`supervisor`, `leash`).

Leaves to the services: every rule about tokens, accounts and bindings.
"""
