"""Ways to run Tessera. Nothing here is part of a service: services read `TESSERA_*` and know no deployment."""
