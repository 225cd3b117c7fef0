"""What may be wrong with a file as a whole: one error per case, each with the remedy in the reader's language.

A wrong row is not here: it goes to quarantine (rows.py) while the good rows load.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shuke.kernel.errors import ShukeError


class FileProblem(ShukeError):
    """A file that can not be read as asked. `field` is the file's name."""

    code = "file_problem"
    status = 422


class EmptyFile(FileProblem):
    code = "file_empty"
    words = _("“%(field)s” holds no rows.")
    remedy = _("Export it again, with at least one row below the header.")


class TruncatedFile(FileProblem):
    code = "file_truncated"
    words = _("“%(field)s” ends too early: the compressed data break off after %(bytes)s readable bytes.")
    remedy = _("The upload or the download stopped halfway. Fetch the file again; nothing of it was loaded.")


class DamagedFile(FileProblem):
    code = "file_damaged"
    words = _("“%(field)s” is damaged: it can not be unpacked.")
    remedy = _("Fetch or export the file again; nothing of it was loaded.")


class BinaryFile(FileProblem):
    code = "file_binary"
    words = _("“%(field)s” is not a table: it looks like %(kind)s.")
    remedy = _("Give a CSV or XLSX file, or either of them packed with gzip.")


class BrokenJson(FileProblem):
    code = "file_broken_json"
    words = _("“%(field)s” breaks off or is damaged: line %(line)s is no JSON.")
    remedy = _(
        "Fetch or export the file again: a report as it came, or messages one on each line. Nothing of it was loaded."
    )


class UnknownJson(FileProblem):
    """JSON that is neither a platform's report nor its messages."""

    code = "file_unknown_json"
    words = _("“%(field)s” is JSON, but neither a report of Amazon nor messages of changed orders.")
    remedy = _("Of JSON only these are read. Export orders, lines and lists as CSV or XLSX.")


class WrongEncoding(FileProblem):
    code = "file_wrong_encoding"
    words = _("“%(field)s” is not written in %(encoding)s: line %(line)s holds bytes that it does not know.")
    remedy = _("It looks like %(guess)s: choose that encoding, or let it be detected.")


class UnknownEncoding(FileProblem):
    code = "encoding_unknown"
    words = _("There is no encoding “%(value)s”.")
    remedy = _("Usual ones are utf-8, gb18030 (GBK), utf-16 and windows-1252; “auto” detects it.")


class WrongSeparator(FileProblem):
    code = "file_wrong_separator"
    words = _("“%(field)s” is not separated by %(separator)s: its header is one single column.")
    remedy = _("It looks separated by %(guess)s: choose that separator, or let it be detected.")


class MissingColumns(FileProblem):
    code = "file_missing_columns"
    words = _("“%(field)s” lacks columns that the mapping needs (%(count)s): %(missing)s.")
    remedy = _("Its columns are: %(found)s. Say which of them it is, or choose another mapping.")


class DuplicateColumns(FileProblem):
    code = "file_duplicate_columns"
    words = _("“%(field)s” has several columns named “%(value)s”, and the mapping reads that one.")
    remedy = _("Rename one of them in the file, or read the columns by position.")


class TooManyColumns(FileProblem):
    code = "file_too_many_columns"
    words = _("“%(field)s” has %(count)s columns; at most %(limit)s are read.")
    remedy = _("Choose the separator that the file uses, or export fewer columns.")


class UnclosedQuote(FileProblem):
    code = "file_unclosed_quote"
    words = _("“%(field)s”: a cell that begins on line %(line)s does not end: a quote is not closed.")
    remedy = _("Close the quote in the file, or choose the quote character that the file uses.")


class MissingSheet(FileProblem):
    code = "file_missing_sheet"
    words = _("“%(field)s” has no sheet “%(value)s”.")
    remedy = _("Its sheets are: %(found)s.")


class MissingPart(FileProblem):
    code = "file_missing_part"
    words = _("The mapping joins a second file “%(value)s”, and none was given.")
    remedy = _("Give that file too: the mapping joins them on %(key)s.")


class FormatUnknown(FileProblem):
    """No format is like the file. `value`: the mapping that comes nearest."""

    code = "file_format_unknown"
    words = _("“%(field)s” is of no format that is known. Its columns are: %(found)s.")
    remedy = _(
        "Nearest is the mapping %(value)s, which lacks: %(missing)s. Name the mapping with --mapping, or point at"
        " the columns in the console, under Imports; nothing was loaded."
    )


class FormatUnheard(FileProblem):
    """No column of the file stands in any known format."""

    code = "file_format_unheard"
    words = _("“%(field)s” has no column that a known format has. Its columns are: %(found)s.")
    remedy = _(
        "Point at the columns in the console, under Imports, which makes a mapping of your own; then name it with"
        " --mapping. Nothing was loaded."
    )


class FormatUnclear(FileProblem):
    """Several mappings are like the file to the same degree."""

    code = "file_format_unclear"
    words = _("“%(field)s” fits several mappings alike: %(names)s. Its columns are: %(found)s.")
    remedy = _("Name the one that is meant with --mapping; nothing was loaded.")


class FormatLacks(FileProblem):
    """The file's format is known, and it lacks columns of it. `value`: the mapping."""

    code = "file_format_lacks"
    words = _("“%(field)s” is like %(value)s, and lacks columns that it needs (%(count)s): %(missing)s.")
    remedy = _(
        "Its columns are: %(found)s. Point in the console, under Imports, at those that hold the missing ones, or name"
        " another mapping with --mapping; nothing was loaded."
    )


class PartUnclear(FileProblem):
    """Several given files may be the same part of a format that is split in two. `value`: the part."""

    code = "file_part_unclear"
    words = _("“%(field)s” is joined with a second file (%(value)s), and several fit: %(names)s.")
    remedy = _("Load one pair at a time, or say which it is: --part %(value)s=FILE. Nothing was loaded.")


class MappingDoesNotFit(FileProblem):
    code = "mapping_does_not_fit"
    words = _("The mapping does not fit “%(field)s”: %(bad)s of the first %(rows)s rows can not be read.")
    remedy = _(
        "Most often: %(reason)s Look at the preview, mend the mapping, start again; nothing was loaded."
    )


class TooManyBadRows(FileProblem):
    code = "file_too_many_bad_rows"
    words = _("“%(field)s” was stopped at line %(line)s: %(bad)s rows can not be read.")
    remedy = _(
        "Most often: %(reason)s Mend the mapping or the file and load it again; rows loaded already stay once."
    )


class ImportUnderWay(ShukeError):
    code = "import_under_way"
    status = 409
    words = _("Another import of the source “%(value)s” is under way.")
    remedy = _("Wait until it has ended, or stop it.")


class FileTooLarge(FileProblem):
    code = "file_too_large"
    status = 413
    words = _("“%(field)s” is larger than %(limit)s.")
    remedy = _("Split it, or pack it with gzip.")


class UnpacksTooLarge(FileProblem):
    """A file whose content grows beyond what is read. `value` and `limit`: sizes or ratios, as text."""

    code = "file_unpacks_too_large"
    status = 413
    words = _("“%(field)s” unpacks to %(value)s; at most %(limit)s are read.")
    remedy = _("Split it into several files; a workbook may also be saved as CSV.")
