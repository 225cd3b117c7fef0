"""State of the watch: its rules, what was counted and judged of each day, the alerts, and the letters about them."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager

WATCH, LIMIT, UNUSUAL = "watch", "limit", "unusual"
OPEN, BACK, LASTING = "open", "back", "lasting"
RAISED, ENDED = "raised", "ended"
WAITING, SENDING, SENT, UNSURE, FAILED = "waiting", "sending", "sent", "unsure", "failed"


class Watch(models.Model):
    """How far a shop is judged. One row a shop."""

    shop_id = models.BigIntegerField(unique=True)
    judged_until = models.DateField(null=True)  # the last day judged
    # As of which orders and visits were judged: either may come later, or stop while the other goes on.
    orders_until = models.DateField(null=True)
    visits_until = models.DateField(null=True)
    looked_at = models.DateTimeField(null=True)

    objects = ScopedManager(shop="shop_id")


class AlertRule(models.Model):
    """What raises alerts. `watch`: everything watched as shipped, one row a shop; `limit`: a day's metric below or above a
    number; `unusual`: an unusual fall or rise of a metric. A rule that was removed stays for its alerts."""

    shop_id = models.BigIntegerField(db_index=True)
    kind = models.CharField(max_length=8)
    metric = models.CharField(max_length=40, default="")
    version = models.IntegerField(default=1)
    condition = models.JSONField(null=True)  # of visits; null: all
    direction = models.CharField(max_length=5, default="")  # below, above; fall, rise
    limit = models.DecimalField(max_digits=20, decimal_places=6, null=True)
    is_on = models.BooleanField(default=True)
    snoozed_until = models.DateTimeField(null=True)
    readers = models.JSONField(default=list)  # ids of the members who get letters
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200)
    removed_at = models.DateTimeField(null=True)

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shop_id"], condition=models.Q(kind="watch"), name="traffic_alerts_one_watch"
            )
        ]


class DayJudged(models.Model):
    """One day of a shop: what was counted, the scores that later days are heard against, and the judgements."""

    shop_id = models.BigIntegerField()
    day = models.DateField()
    counts = models.JSONField()
    came = models.JSONField(default=list)  # what had come when it was counted (arrivals.Came.token)
    scores = models.JSONField(default=dict)
    judged = models.JSONField(default=dict)
    judged_at = models.DateTimeField(null=True)

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop_id", "day"], name="traffic_alerts_day")]


class Alert(models.Model):
    """One incident. `lead` names the series that stands first, `members` what moved with it, and since when."""

    shop_id = models.BigIntegerField()
    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="+")
    lead = models.CharField(max_length=2200)
    members = models.JSONField()
    since = models.DateField()
    raised_on = models.DateField()
    last_day = models.DateField()
    state = models.CharField(max_length=8, default=OPEN)
    ended_on = models.DateField(null=True)
    change = models.FloatField(default=0)
    loudest = models.FloatField(default=0)
    evidence = models.JSONField(default=dict)  # of the lead: part, whole, usual, z, needed, window; limit
    segments = models.JSONField(default=list)
    definitions = models.JSONField(default=dict)
    raised_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)
    seen_by = models.CharField(max_length=200, default="")
    snoozed_until = models.DateTimeField(null=True)

    objects = ScopedManager(shop="shop_id")

    class Meta:
        indexes = [models.Index(fields=["shop_id", "state", "raised_on"], name="traffic_alerts_by_state")]


class Letter(models.Model):
    """One letter about one alert to one member, that it was raised or that it is over: sent at most once. `unsure`: its sender died while sending it; it is not
    sent again, since it may have gone."""

    shop_id = models.BigIntegerField()
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="+")
    user_id = models.BigIntegerField()
    about = models.CharField(max_length=8, default=RAISED)
    state = models.CharField(max_length=8, default=WAITING, db_index=True)
    attempts = models.IntegerField(default=0)
    due_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, default="")

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["alert", "user_id", "about"], name="traffic_alerts_letter_once")
        ]
