"""MedicalNet's 3D ResNet-18 as its authors built it, from MONAI's parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from monai.networks.nets.resnet import ResNet, ResNetBlock
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monai.networks.nets.resnet import ResNetBottleneck

DIMENSIONS = 512
DILATION = {"layer3": 2, "layer4": 4}
"""Where the original widens its kernels instead of striding."""


class MedicalNetResNet18(ResNet):
    """ResNet-18 with stem stride 2, layers 3 and 4 dilated instead of strided, shortcuts of type A.

    MONAI's own ``resnet18`` strides those layers and not the stem; the same weights load into it and give
    other vectors (docs/decisions/0010). MONAI also cuts the gradient in shortcut A; here it flows.

    References
    ----------
    .. [1] Chen, Ma, Zheng, Med3D: transfer learning for 3D medical image analysis, arXiv 1904.00625;
       github.com/Tencent/MedicalNet, models/resnet.py.
    """

    def __init__(self) -> None:
        super().__init__(
            block=ResNetBlock,
            layers=[2, 2, 2, 2],
            block_inplanes=[64, 128, 256, DIMENSIONS],
            n_input_channels=1,
            conv1_t_stride=2,
            shortcut_type="A",
            feed_forward=False,
        )

    def _make_layer(  # noqa: PLR0917 (as MONAI has it)
        self,
        block: type[ResNetBlock | ResNetBottleneck],
        planes: int,
        blocks: int,
        spatial_dims: int,
        shortcut_type: str,
        stride: int = 1,
        norm: str | tuple[object, ...] = "batch",
    ) -> nn.Sequential:
        name = {256: "layer3", DIMENSIONS: "layer4"}.get(planes)
        layer = super()._make_layer(
            block, planes, blocks, spatial_dims, shortcut_type, 1 if name else stride, norm
        )
        if name:
            for convolution in _convolutions(layer):
                convolution.dilation = convolution.padding = (DILATION[name],) * 3
        return layer

    def _downsample_basic_block(
        self,
        x: Tensor,
        planes: int,
        stride: int,
        spatial_dims: int = 3,  # noqa: ARG002
    ) -> Tensor:
        strided = x[:, :, ::stride, ::stride, ::stride]
        return nn.functional.pad(strided, (0, 0, 0, 0, 0, 0, 0, planes - x.shape[1]))


def _convolutions(layer: nn.Module) -> Iterator[nn.Conv3d]:
    return (module for module in layer.modules() if isinstance(module, nn.Conv3d))


def build_medicalnet(torch_seed: int = 0) -> MedicalNetResNet18:
    """Build the network with seeded random weights.

    Parameters
    ----------
    torch_seed : int
        Of its weights; torch's own generator is left as it was.

    Returns
    -------
    MedicalNetResNet18
        On the CPU, in evaluation mode, frozen; (n, 1, x, y, z) to (n, 512).
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed)
        network = MedicalNetResNet18()
    network.requires_grad_(requires_grad=False)
    return network.eval()
