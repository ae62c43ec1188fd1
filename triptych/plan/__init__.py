"""Estimate what a rate of documents costs a month on AWS, and which quota it reaches first. Calls no AWS API.

rates         parse rates such as 0.33/s
workload      the input: how many documents, their size, the parameters of the stack
measurements  service times, with their source
rollout       the parts of template.yaml that the estimate depends on
aws.toml      prices and quotas, each with its date and source; `reference` reads it
capacity      tasks for a rate, latencies, concurrent executions
costs         the bill, item by item
limits        demand and headroom of each quota
advice        parameters to deploy with, and recommendations
estimate      all of it together
"""
