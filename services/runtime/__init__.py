"""What any service process needs, and no service's knowledge.

Owns: the server and its lifecycle (`server`), the list of steps around every call (`interceptors`), credentials
(`auth`, `keys`), errors (`errors`), settings (`env`), Postgres (`db`, `sql`, `migrations`, `partitions`), time
(`clock`), ids (`ids`), logs and metrics (`telemetry`), checks of requests (`validation`), child processes
(`supervisor`).

Leaves to the services: every rule about tokens, accounts and bindings.
"""
