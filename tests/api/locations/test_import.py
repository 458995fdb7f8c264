"""A file of locations: POST /v1/engine/locations/importCSV."""

from tests.support.actions import send_csv
from tests.support.shop import created, unique

PATH = "/v1/engine/locations/importCSV"
SQUARE = '{""type"":""Polygon"",""coordinates"":[[[0,0],[0,1],[1,1],[1,0],[0,0]]]}'


def test_a_file_makes_and_moves_locations_row_by_row(api, stranger):
    """Circles and GeoJSON; a row with an id changes that one, and each other row says why it is refused."""
    name = unique("l")
    head = "id,name,latitude,longitude,radius,geojson\n"
    answer = created(
        send_csv(
            api,
            PATH,
            head + f',{name}-a,47.01,28.86,1.5 km,\n,{name}-b,,,,"{SQUARE}"\n'
            f",{name}-c,147,28,1 km,\n,{name}-d,47,28,,\n,{name}-e,,,,[1\n,,47,28,1 km,\n"
            f"loc_none,{name}-f,47,28,1 km,\n,{name}-g\n",
        )
    )
    assert (answer["created_count"], answer["updated_count"], answer["failed_count"]) == (2, 0, 6)
    assert [one["row"] for one in answer["failed"]] == [3, 4, 5, 6, 7, 8]
    assert [one["reason"] for one in answer["failed"]][1:5] == [
        "radius is required",
        "geojson must be an object of JSON",
        "name and a shape are required",
        "Cannot find location with id loc_none",
    ]
    circle, square = (created(api.get(f"/v1/locations/{one}")) for one in answer["created"])
    assert (circle["name"], circle["shape"]["distance"]) == (
        f"{name}-a",
        {"center": "geo:47.01,28.86", "radius": "1.5 km"},
    )
    assert square["shape"]["geojson"]["type"] == "Polygon"
    moved = created(send_csv(api, PATH, head + f"{circle['id']},,48,29,2 km,\n"))
    assert (moved["created_count"], moved["updated_count"]) == (0, 1)
    after = created(api.get(f"/v1/locations/{circle['id']}"))
    assert (after["name"], after["shape"]["distance"]["center"]) == (f"{name}-a", "geo:48,29")
    foreign = created(send_csv(stranger, PATH, head + f"{circle['id']},mine,1,1,2 km,\n"))
    assert foreign["failed_count"] == 1
    assert created(api.get(f"/v1/locations/{circle['id']}")) == after


def test_a_file_that_is_none_is_refused(api):
    """Nothing is stored of too many rows, or of rows without a header."""
    before = created(api.get("/v1/locations"))["total"]
    for text in ("place\nx\n", "name,latitude,longitude,radius\n" + "x,1,1,1 km\n" * 1_001):
        answer = send_csv(api, PATH, text)
        assert (answer.status_code, answer.json()["key"]) == (400, "invalid_payload")
    assert created(api.get("/v1/locations"))["total"] == before
