"""The whole stack on one machine without containers: what `make run` starts, and what the end-to-end tests run on.

Owns: the data folder (`home`), Postgres (`postgres`), ports and settings (`config`, `ports`), what each process is
told (`programs`), the order of it all (`stack`), the demo domain's content (`demo`), and what people see (`console`,
`curl`).

Leaves to the services and the gateway: everything that they do. It knows them by their command lines, `TESSERA_*`
and their public contracts.
"""
