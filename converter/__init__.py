"""The service that converts office documents, mail and archives to what the model versions read. No AWS."""
