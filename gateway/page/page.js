// Draws the description of the REST API, in the colours that the reader's system has now.
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.classList.toggle("dark-mode", dark);

// Calls that are tried out go to the gateway that shows the page.
SwaggerUIBundle({
  url: "/docs/openapi.yaml",
  dom_id: "#api",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  // Keep what is typed into "Authorize" out of the browser's storage.
  persistAuthorization: false,
  syntaxHighlight: { activated: true, theme: dark ? "agate" : "idea" },
  // Nobody else is asked whether the description is valid.
  validatorUrl: null,
});
