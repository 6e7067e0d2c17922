"""The token service's process."""

from services.runtime.command_line import run

if __name__ == "__main__":
    run("token", "TokenSettings", {"bootstrap": "make the first domain and the services' identities, once"})
