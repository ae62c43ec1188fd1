"""The Lambda function of Results=events: publishes each change of a record as an event on an EventBridge bus."""
