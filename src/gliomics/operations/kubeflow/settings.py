"""What the stages ask of a Kubernetes cluster."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

FROZEN = ConfigDict(frozen=True, extra="forbid")
QUANTITY = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|K|M|G|T)?$"
NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"


class StageResources(BaseModel):
    """What one stage asks for.

    Attributes
    ----------
    cpu : str
        Processors as Kubernetes counts them, such as ``2`` or ``500m``.
    memory : str
        Such as ``16Gi``; a stage that takes more is killed.
    gpus : int
        Whole GPUs.
    """

    model_config = FROZEN

    cpu: str = Field(pattern=r"^[0-9]+(\.[0-9]+)?m?$")
    memory: str = Field(pattern=QUANTITY)
    gpus: int = Field(default=0, ge=0, le=16)


class VolumeSettings(BaseModel):
    """The volume that holds the project folder.

    Attributes
    ----------
    claim : str
        Name of the PersistentVolumeClaim; stages of one run may be on several nodes (ReadWriteMany).
    mount_path : str
        Where the stages find it.
    """

    model_config = FROZEN

    claim: str = Field(pattern=NAME)
    mount_path: str = Field(pattern=r"^/\S+$")


class SecretSettings(BaseModel):
    """A Kubernetes secret that becomes environment variables.

    Attributes
    ----------
    name : str
        Of the secret.
    variables : tuple of str
        Its keys, which are the names of the variables too.
    """

    model_config = FROZEN

    name: str = Field(pattern=NAME)
    variables: tuple[str, ...] = Field(min_length=1)


class KubeflowSettings(BaseModel):
    """Image, volume, secret and resources of a compiled pipeline.

    Attributes
    ----------
    image : str
        Of every stage.
    volume : VolumeSettings
        With the project folder.
    secret : SecretSettings or None
        With the tracking server's credentials.
    gpu_type : str
        The cluster's name of a kind of GPU.
    resources : dict of str to StageResources
        By stage; every stage has an entry.
    """

    model_config = FROZEN

    image: str = Field(min_length=1, pattern=r"^\S+$")
    volume: VolumeSettings
    secret: SecretSettings | None
    gpu_type: str = Field(min_length=1)
    resources: dict[str, StageResources]
