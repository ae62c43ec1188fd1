"""Training of the small network that recognises upright pages (`model_service/orientation_network/upright.xml`)."""
