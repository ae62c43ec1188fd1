"""Statistics on model versions: pure functions from labelled and unlabelled records to a `Report`.

Use `report.compute_report`; the other modules are its parts:

    examples          records reduced to what the statistics use
    intervals         confidence intervals of shares
    calibration       expected calibration error
    sequential        anytime-valid tests and bounds
    classical         McNemar's test, Holm's correction, Cohen's kappa
    difference        difference of accuracy between two versions
    pair_counts       how often one, both or neither of two versions is right
    contest           which claims follow, and which pairs are open
    pairs             comparison of two versions
    challengers       non-inferiority, harm by label, wrong labels
    risk              automated verdicts
    drift             changes from day to day
    advice            the promotion that follows
    versions, report  figures of each version; the whole report

Training uses `calibration.expected_calibration_error` and `intervals.binomial_interval`, so that model cards and
reports are computed in the same way. docs/evidence.md explains what each figure means and what it assumes.
"""
