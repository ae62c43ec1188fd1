"""A seeded simulation of the whole system, in virtual time and without sockets or sleeps.

The real orchestrator, review, promotion, redrive, backfill and publishing code runs in a world in which S3, DynamoDB,
SQS, Lambda and the model services fail in every way that they may.

    scheduler     virtual time; tasks that are switched at each request, killed and frozen with their process
    cooperation   replaces the threads and HTTP sessions of the code under test by those tasks
    aws           how a client reaches a service: latencies, faults, and the retries of the SDK
    bucket, table, queue, services, function, stream
                  S3, DynamoDB, SQS, the model services, Lambda, and the stream with the publisher
    people        the commands of reviewers and operators
    scenario      what happens in one history, as data: generated from a seed, shrunk, replayed
    history       runs one scenario
    reference     the guarantees of docs/semantics.md, checked at each write and at the end
    shrinking     removes whatever a violation does not need
    mutations     guarded lines of the product; each mutation must be detected

`python -m benchmarks.simulate` runs histories.
"""
