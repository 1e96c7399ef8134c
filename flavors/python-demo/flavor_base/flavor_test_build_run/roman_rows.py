import roman
import simplejson


def run(row):
    return simplejson.loads(simplejson.dumps(roman.toRoman(row)))
