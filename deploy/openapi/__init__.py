"""The REST API as OpenAPI: `docs/openapi.yaml`, which the gateway shows at /docs.

protoc-gen-openapi reads paths and messages from proto/ (`generator`). What it cannot know is put right after it
(`corrections`): the paths, forms and errors that the gateway makes of them (`surfaces`), what the contracts say in
options and comments (`contracts`), and examples (`examples.yaml`).
"""
