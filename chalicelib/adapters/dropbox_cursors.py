"""How far a Dropbox account was followed: one item of the images table an account, written only over what was read.

A listing goes on from `cursor`; without one it begins with all that is there. Each write demands the revision that was
read, so of two listers that know of each other nothing the slower one fails and looks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.dynamodb import ConditionFailed, from_item, to_item, translated
from chalicelib.errors import Conflict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_SK = "CURSOR"


@dataclass(frozen=True, slots=True)
class Followed:
    """Where an account stands. Times are ours, as we store them; `rev` is 0 where nothing is known yet."""

    account: str
    folder: str = ""
    """The folder that the cursor is of."""
    cursor: str = ""
    more: bool = False
    """A listing is under way: Dropbox has more behind the cursor already."""
    began: str = ""
    """When the listing under way began."""
    full_at: str = ""
    """When the last full listing began."""
    full: bool = False
    """The listing under way is that one."""
    parts: tuple[str, ...] = ()
    """The jobs of the full listing under way, in order: their files together name all that is there."""
    sweeping: bool = False
    """The full listing has come to its end; pictures that it did not name are on their way out."""
    swept: str = ""
    """The sweep has passed all pictures up to this place."""
    looked_at: str = ""
    """What had changed before that is listed."""
    job_at: str = ""
    """The upload time of the last job: later ones are told apart by it, so it only grows."""
    rev: int = 0


class DropboxCursors:
    """Items `DROPBOX#<account>` of the images table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def read(self, account: str) -> Followed:
        """Where the account stands as of now (consistent read)."""
        with translated("read how far an account was followed"):
            item = self._client.get_item(TableName=self._table, Key=to_item(_key(account)),
                                         ConsistentRead=True).get("Item")
        return _followed(from_item(item)) if item else Followed(account)

    def write(self, followed: Followed) -> Followed:
        """Store this over what was read, `rev` says what that was; answers it as it then is.

        A lost answer that the library repeats finds its own item, which is as good. Raises Conflict where somebody else
        has written since.
        """
        following = replace(followed, rev=followed.rev + 1)
        try:
            with translated("nobody has followed the account further"):
                self._client.put_item(
                    TableName=self._table, Item=to_item({**_key(followed.account), **asdict(following)}),
                    ConditionExpression="attribute_not_exists(pk) OR rev = :rev",
                    ExpressionAttributeValues=to_item({":rev": followed.rev}))
        except ConditionFailed:
            if self.read(followed.account) != following:
                raise Conflict("another lister has followed the account") from None
        return following


def _key(account: str) -> dict[str, str]:
    return {"pk": f"DROPBOX#{account}", "sk": _SK}


def _followed(item: Mapping[str, Any]) -> Followed:
    told = {name: item[name] for name in Followed.__slots__ if name in item}
    return Followed(**{**told, "parts": tuple(told.get("parts", ()))})
