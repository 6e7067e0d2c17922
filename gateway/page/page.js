// Draws the description of the REST API. Calls that are tried out go to the gateway that shows the page.
SwaggerUIBundle({
  url: "/docs/openapi.yaml",
  dom_id: "#api",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  // Keep what is typed into "Authorize" out of the browser's storage.
  persistAuthorization: false,
  syntaxHighlight: { activated: true, theme: "idea" },
  // Nobody else is asked whether the description is valid.
  validatorUrl: null,
});
