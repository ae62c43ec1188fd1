"""The REST service around a model version: decoding, engine, HTTP. Holds no torch and no AWS client."""
