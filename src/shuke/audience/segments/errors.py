"""What is refused of a segment, with what to do."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shuke.kernel.errors import Conflict, Invalid, NotFound


class NoSuchSegment(NotFound):
    code = "no_such_segment"
    words = _("There is no segment “%(value)s”.")
    remedy = _("Choose one of the list.")


class SegmentInItself(Invalid):
    code = "segment_in_itself"
    words = _("The segment would depend on itself through “%(value)s”.")
    remedy = _("Take that segment out of the condition.")


class TooDeep(Invalid):
    code = "segments_too_deep"
    words = _("Through “%(value)s” more than %(most)s segments would name one another in a row.")
    remedy = _("Write that segment's condition in place of its name.")


class NameTaken(Conflict):
    code = "segment_name_taken"
    words = _("There is a segment “%(value)s” already.")
    remedy = _("Give it another name, or change the one that there is.")


class SegmentChanged(Conflict):
    code = "segment_changed"
    words = _("The segment was changed by %(by)s in the meantime.")
    remedy = _("Load it again and repeat what you wanted to change.")


class TooManySegments(Conflict):
    code = "too_many_segments"
    words = _("The shop has %(value)s segments, and more are not kept.")
    remedy = _("Archive one that is no longer used.")


class SegmentInUse(Conflict):
    code = "segment_in_use"
    words = _("Other segments name this one: %(by)s.")
    remedy = _("Change those first.")
