"""The REST service that serves model versions: engine, classifier and HTTP API. Imports neither torch nor boto3."""
