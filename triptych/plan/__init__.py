"""What a rate of documents costs a month on AWS, and which quota it meets first. Pure: it asks nothing of AWS.

units       what a person types: rates and sizes
workload    the question: how many documents, how big, on what
measured    service times, with their source
template    what of template.yaml the answer depends on
prices      a dated price table
quotas      a dated table of AWS's limits
capacity    how many tasks a rate needs, how long a document takes, how many handlers that keeps busy
costs       the bill, item by item
headroom    how far each limit is
advice      parameters to paste, sentences to act on
planning    all of it together
tables      the same for a person's screen
"""
