"""Load: every public call at rising rates, over gRPC by ghz and through the gateway by wrk, on a stack of its own.

`python -m tests.load` (`make load`). What is driven stands in the JSON files here, whose form `scenarios` describes.
`minting` makes what the calls spend, `ghz` and `wrk` drive them, `cpu` reads what they cost, `table` and `report` show
it. The tests of all this stand beside it.
"""
