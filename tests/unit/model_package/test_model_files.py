"""What a saved model must look like to be read."""

import json

import pytest

from gliomics.errors import ServingError
from gliomics.model_package.model_files import CARD_FILE, load_final_model


@pytest.mark.parametrize("card", [{"arm": "clinical"}, {"arm": "clinical", "format": 1}])
def test_a_model_saved_before_the_rooms_is_refused_with_what_to_run(tmp_path, card):
    (tmp_path / CARD_FILE).write_text(json.dumps(card))
    with pytest.raises(ServingError, match=r"clinical arm: .* format 2, got format 1\. Run modelling and"):
        load_final_model(tmp_path)
