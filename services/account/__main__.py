"""The account service's process."""

from services.runtime.command_line import run

if __name__ == "__main__":
    run("account", "AccountSettings")
